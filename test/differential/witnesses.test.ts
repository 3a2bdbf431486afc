import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { witnessesOfObject } from "../../src/analyze/witnesses-of-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { OP_PUSH, OP_PUSH_FLAGS } from "../../src/isa/insn-table.ts";
import { CLAIM_NONE, CLAIM_SAME, CLAIM_TRUE } from "../../src/unwind/witness-claims.ts";
import { compareWitness, subjectName } from "../../src/unwind/witness-compare.ts";
import { scratchFolder } from "../dwarf/objects.ts";
import { compileAgain } from "../support/compile-again.ts";
import { fixtureFacts } from "../support/rule-fixtures.ts";

// What the compiler says of the frames of real kernel objects, against their instructions.

const folder = scratchFolder();
const facts = { source: "test", noreturn: fixtureFacts.noreturn, accessSafe: fixtureFacts.accessSafe };

for (const object of ["kernel/exit.o", "kernel/fork.o", "mm/mmap.o", "lib/vsprintf.o"]) {
  test(`${object}: .debug_frame says what the instructions do, but for pushes of inline assembly`, (t) => {
    const path = compileAgain(folder, object, ["-g1"]);
    const { flow, frames, kept, witnesses, unread } = witnessesOfObject(
      bytesSource(new Uint8Array(readFileSync(path))),
      { facts },
    );
    assert.deepEqual(unread, []);
    const dwarf = witnesses.find(({ witness }) => witness === "debug_frame")!;
    const { counts, disagreements, covered, missing } = compareWitness(flow, frames, kept, dwarf);
    const { insns, ops } = flow.code;
    for (const { subject, why, verdict, insn, cause } of disagreements) {
      const first = insns.op.at(cause);
      const op = first < 0 ? 0 : ops.op[first]!;
      const isPush = why === "cfa-offset" && (op === OP_PUSH_FLAGS || op === OP_PUSH);
      assert.ok(isPush, `${subjectName(flow, subject)} ${why} at ${insns.offset[insn]}`);
      assert.equal(verdict, "unwind data wrong");
    }
    assert.deepEqual(missing, []);
    let agreed = 0;
    let said = 0;
    for (const each of counts.values()) {
      agreed += each[CLAIM_SAME]! + each[CLAIM_TRUE]!;
      said += each.reduce((all, count) => all + count, 0) - each[CLAIM_NONE]!;
    }
    t.diagnostic(`${covered} instructions, ${agreed} of ${said} claims agree, ${disagreements.length} disagreements`);
    assert.ok(covered > 1000 && agreed > 0.999 * said);
  });
}
