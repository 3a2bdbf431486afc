import assert from "node:assert/strict";
import { test } from "node:test";
import { execForm, pairs, parseDockerfile } from "../../scripts/dockerfile/parse.ts";
import { readRepositoryFile } from "../support/repository.ts";

test("a Dockerfile is read into stages; what is not known is an error with its line", () => {
  const text = [
    "# a comment",
    "FROM debian:12-slim AS one",
    "RUN a \\",
    "# between",
    ' && b "c"',
    "FROM two",
    "COPY --from=one --chown=u:g /a /b /c/",
    'ENV A=1 B="two words"',
    'CMD ["x", "y z"]',
  ].join("\n");
  const [one, two] = parseDockerfile(text);
  assert.deepEqual([one?.image, one?.name, two?.image, two?.name], ["debian:12-slim", "one", "two", undefined]);
  assert.deepEqual([one?.instructions[0]?.text, one?.instructions[0]?.line], ['a  && b "c"', 3]);
  const [copy, env, cmd] = two!.instructions;
  assert.deepEqual(
    [...copy!.flags],
    [
      ["from", "one"],
      ["chown", "u:g"],
    ],
  );
  assert.equal(copy!.text, "/a /b /c/");
  assert.deepEqual(pairs(env!.text), [
    ["A", "1"],
    ["B", "two words"],
  ]);
  assert.deepEqual(execForm(cmd!.text), ["x", "y z"]);
  assert.throws(() => parseDockerfile("FROM a\nONBUILD RUN x\n"), /Dockerfile:2: ONBUILD/);
  assert.throws(() => parseDockerfile("RUN x\n"), /Dockerfile:1: RUN before FROM/);
});

test("ours: an unprivileged user, a health check, Node 24, nothing copied that is not listed", () => {
  const stages = parseDockerfile(readRepositoryFile("Dockerfile"));
  assert.deepEqual(
    stages.map(({ image }) => image),
    ["node:24-bookworm-slim", "debian:12-slim"],
  );
  const last = stages.at(-1)!.instructions;
  const names = last.map(({ name }) => name);
  assert.ok(names.indexOf("USER") < names.indexOf("ENTRYPOINT"));
  assert.equal(names.lastIndexOf("RUN") < names.indexOf("USER"), true, "nothing is run as the user of the image");
  for (const one of ["ENTRYPOINT", "CMD"]) assert.ok(execForm(last.find(({ name }) => name === one)!.text)!.length > 0);
  assert.match(last.find(({ name }) => name === "HEALTHCHECK")!.text, /\/healthz/);
  const copied = last.filter(({ name }) => name === "COPY").flatMap(({ text }) => text.split(/\s+/).slice(0, -1));
  for (const path of copied) assert.ok(!/^(\.|\*|\.git|test|scripts|out)/.test(path), path);
});
