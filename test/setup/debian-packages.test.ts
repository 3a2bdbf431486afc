import assert from "node:assert/strict";
import { test } from "node:test";
import { SetupError } from "../../scripts/setup/command.ts";
import { ensureDebianPackages, missingPackages } from "../../scripts/setup/debian-packages.ts";

const present = { name: "dpkg", purpose: "there on every Debian" };
const absent = { name: "objreview-no-such-package", purpose: "is in no archive" };

test("dpkg knows what is installed", async () => {
  assert.deepEqual(await missingPackages([present, absent]), [absent]);
  assert.deepEqual(await missingPackages([present]), []);
});

test("who may not install packages is told the one command", async (context) => {
  const getuid = process.getuid!;
  process.getuid = () => 1000;
  context.after(() => {
    process.getuid = getuid;
  });
  await assert.rejects(ensureDebianPackages([present, absent]), (error: unknown) => {
    assert.ok(error instanceof SetupError);
    assert.match(error.message, /is in no archive/);
    assert.match(error.message, /sudo apt-get install -y --no-install-recommends objreview-no-such-package$/);
    return true;
  });
  await ensureDebianPackages([present]);
});
