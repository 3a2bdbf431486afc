import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../../src/base/errors.ts";
import { evaluateDependency, readConfigEntries } from "../../src/kernel/kconfig-text.ts";
import { readKernelConfig } from "../../src/kernel/kernel-config.ts";
import { loadProfiles, readProfile, requireProfile } from "../../src/kernel/profile.ts";
import { readSavedCommand, savedCommandPath } from "../../src/kernel/saved-command.ts";
import { explainNotBuilt } from "../../src/kernel/unmet.ts";

const CMD = `savedcmd_kernel/a.o := gcc -Wp,-MMD,kernel/.a.o.d -DX='"a;b|c"' -DY=$$Z -DH='$(pound)' -c -o kernel/a.o /src/kernel/a.c ; ./tools/objtool/objtool --orc kernel/a.o

source_kernel/a.o := /src/kernel/a.c

deps_kernel/a.o := \\
    $(wildcard include/config/SMP) \\
  /src/include/linux/kconfig.h \\
  include/generated/autoconf.h \\

kernel/a.o: $(deps_kernel/a.o)

$(deps_kernel/a.o):
`;

test("a saved command is read as kbuild wrote it, and post-processing is cut off", () => {
  const saved = readSavedCommand(CMD, "kernel/.a.o.cmd");
  assert.equal(saved.target, "kernel/a.o");
  const compile = `gcc -Wp,-MMD,kernel/.a.o.d -DX='"a;b|c"' -DY=$Z -DH='#' -c -o kernel/a.o /src/kernel/a.c`;
  assert.equal(saved.compile, compile);
  assert.equal(saved.command, `${compile} ; ./tools/objtool/objtool --orc kernel/a.o`);
  assert.equal(saved.isPostProcessed, true);
  assert.equal(saved.source, "/src/kernel/a.c");
  assert.deepEqual(saved.deps, ["/src/include/linux/kconfig.h", "include/generated/autoconf.h"]);
  assert.deepEqual(saved.configSymbols, ["SMP"]);
});

test("the key of kernels before 6.3 is read as well, and a file without one is refused", () => {
  const saved = readSavedCommand(CMD.replace("savedcmd_", "cmd_").replace(/ ; .*/, ""), "kernel/.a.o.cmd");
  assert.equal(saved.isPostProcessed, false);
  assert.equal(savedCommandPath("kernel/a.o"), "kernel/.a.o.cmd");
  assert.throws(() => readSavedCommand("deps_x := y\n", "x.cmd"), UsageError);
});

test("a configuration knows y, m, text and what is off", () => {
  const config = readKernelConfig(
    'CONFIG_A=y\nCONFIG_B=m\nCONFIG_C="x \\"y\\""\n# CONFIG_A is not set\nCONFIG_N=12\nCONFIG_A2=y\nnoise\n',
  );
  assert.deepEqual(
    [...config.values],
    [
      ["CONFIG_B", "m"],
      ["CONFIG_C", 'x "y"'],
      ["CONFIG_N", "12"],
      ["CONFIG_A2", "y"],
    ],
  );
  assert.equal(config.isOn("CONFIG_A2"), true);
  assert.equal(config.isOn("CONFIG_B"), false);
  assert.equal(config.isModule("CONFIG_B"), true);
});

test("every shipped profile is well formed, and a bad one is refused with the field's name", () => {
  const profiles = loadProfiles();
  assert.deepEqual([...profiles.keys()].sort(), [
    "x86_64-allmodconfig-gcc",
    "x86_64-defconfig-clang22-sframe",
    "x86_64-defconfig-clang22-sframe-os",
    "x86_64-defconfig-clang22-tables",
    "x86_64-defconfig-gcc",
    "x86_64-defconfig-gcc-sframe",
    "x86_64-defconfig-gcc-sframe-os",
  ]);
  const good = requireProfile("x86_64-defconfig-gcc");
  assert.throws(() => readProfile({ ...good, cFlags: ["-g1 ; rm"] }, "p.json"), /p\.json: cFlags\.0: /);
  assert.throws(
    () => readProfile({ ...good, config: { target: "x; true", fragment: [] } }, "p.json"),
    /config\.target/,
  );
  for (const bad of ["CC=a;b", "cc=gcc", "A=$(B)", "A"])
    assert.throws(() => readProfile({ ...good, makeVariables: [bad] }, "p.json"), /p\.json: makeVariables\.0: /, bad);
  const { makeVariables, ...former } = good;
  assert.deepEqual([makeVariables, readProfile(former, "p.json")], [[], good]);
  assert.throws(() => requireProfile("nope"), /no profile "nope"; known: x86_64-defconfig-gcc/);
});

const KCONFIG = `menu "Net"
	depends on NET
config NFT_LOG
	tristate "log"
	depends on NF_TABLES || \\
		FOO
	help
	  depends on nothing at all
	  config IN_HELP
if NETFILTER
config SELECTED
	bool
endif
endmenu
config OUTSIDE
	bool "outside"
`;

test("entries of a Kconfig file have their own conditions and those of the blocks around them", () => {
  const entries = readConfigEntries(KCONFIG, "net/Kconfig");
  assert.deepEqual(
    entries.map((entry) => [entry.symbol, entry.line, entry.dependsOn, entry.hasPrompt]),
    [
      ["NFT_LOG", 3, ["NET", "NF_TABLES ||  FOO"], true],
      ["SELECTED", 11, ["NET", "NETFILTER"], false],
      ["OUTSIDE", 15, [], true],
    ],
  );
});

test("dependency expressions are evaluated as kconfig does", () => {
  const config = readKernelConfig('CONFIG_Y=y\nCONFIG_M=m\nCONFIG_S="x"\n');
  const value = (text: string): number => evaluateDependency(text, config);
  assert.equal(value("Y && M"), 1);
  assert.equal(value("Y && !M"), 1);
  assert.equal(value('N || (Y && S = "x")'), 2);
  assert.equal(value("!Y || N"), 0);
  assert.equal(value("M != y"), 2);
  assert.equal(value("M=y"), 0);
  assert.equal(value("$(cc-option,-x)"), 2);
});

test("a file that is not built is explained by the line that names it and the dependency that fails", () => {
  const config = readKernelConfig("CONFIG_NET=y\n");
  const kbuild = {
    file: "net/Makefile",
    text: "ifdef CONFIG_NET\nobj-$(CONFIG_NFT_LOG) += \\\n\tfoo.o\nfoo-y := a.o\nendif\nobj-$(CONFIG_Q) += sub/deep/\n",
  };
  const entries = readConfigEntries(KCONFIG, "net/Kconfig");
  const explain = (name: string): string | undefined =>
    explainNotBuilt(
      { kind: "not-built", blockers: [{ dir: "net", name, isListed: true }] },
      () => kbuild,
      (symbol) => entries.filter((entry) => entry.symbol === symbol),
      config,
    )?.text;
  const why = "under CONFIG_NFT_LOG, off here; depends on NF_TABLES ||  FOO, which does not hold";
  assert.equal(explain("foo.o"), `net/Makefile:2 builds foo.o ${why}`);
  assert.equal(explain("a.o"), `net/Makefile:4 builds a.o ${why}`);
  assert.equal(explain("sub/"), "net/Makefile:6 builds sub/ under CONFIG_Q, off here");
  assert.equal(explain("b.o"), "no line of net/Makefile names b.o");
});
