// What a result has to draw beside a finding: the graph around it, and the table of what each witness says.

import { z } from "zod";

/** The control-flow graph around one finding: the blocks on the way to it in reading order, then what lies right beside them. */
export const graph = z.strictObject({
  id: z.string(),
  object: z.string(),
  function: z.string(),
  /** Blocks of the function that are neither drawn nor stood for. */
  omittedBlocks: z.int().min(0),
  blocks: z.array(
    z.strictObject({
      id: z.int().min(0),
      /** Section offsets in bytes, of the first instruction and behind the last. */
      start: z.int().min(0),
      end: z.int().min(0),
      /** State on entry; empty where it says nothing about the finding. */
      stateIn: z.string(),
      /** State behind the block, where the way changes it there. */
      stateOut: z.string().optional(),
      /** State on entry by the other way, where it differs. */
      otherStateIn: z.string().optional(),
      onPath: z.boolean(),
      /** On the other way to a two-sided finding. */
      onOtherPath: z.boolean().optional(),
      /** The finding is in this block. */
      isSite: z.boolean(),
      /** Above 0: stands for so many blocks on the way. */
      foldedBlocks: z.int().min(0).optional(),
      instructions: z.array(
        z.strictObject({
          offset: z.int().min(0),
          asm: z.string(),
          line: z.int().min(0),
          /** Instructions of the block left out before this one. */
          skipped: z.int().min(1).optional(),
          /** As of a step. */
          insteadOf: z.int().min(0).optional(),
          /** State behind it, where it changes the state. */
          state: z.string().optional(),
        }),
      ),
      omittedInstructions: z.int().min(0),
    }),
  ),
  edges: z.array(
    z.strictObject({
      from: z.int().min(0),
      to: z.int().min(0),
      kind: z.enum(["fall", "jump", "branch", "table", "alternative", "fixup", "jump-label"]),
      onPath: z.boolean(),
      onOtherPath: z.boolean().optional(),
    }),
  ),
});

/** What each witness says of the frame in one function, around a finding about unwind data. Witnesses that have no row there are left out. */
export const frameTable = z.strictObject({
  id: z.string(),
  object: z.string(),
  function: z.string(),
  section: z.string(),
  /** "instructions" is the first. */
  witnesses: z.array(z.string()),
  /** In the order of the code, the function's first one first; within one row each witness says one thing. */
  rows: z.array(
    z.strictObject({
      /** Section offsets in bytes, of the first one and behind the last. */
      start: z.int().min(0),
      end: z.int().min(0),
      /** First instruction of the row, and its source line, 0 for none. */
      asm: z.string(),
      line: z.int().min(0),
      /**
       * One a witness, in their order: the frame in words ("" for no row), and of what the instructions contradict it ("CFA", "rbx").
       * A register that another of them lists in the row, and this one speaks of, is listed ("rbx unchanged").
       */
      says: z.array(z.strictObject({ frame: z.string(), wrong: z.array(z.string()) })),
      /** The finding is in this row. */
      isSite: z.boolean(),
      /** Rows left out before this one. */
      skipped: z.int().min(1).optional(),
    }),
  ),
  /** Rows behind the last one that are left out. */
  omittedRows: z.int().min(0),
  /** Rows of the whole function in which the instructions contradict a witness. */
  differingRows: z.int().min(0),
});
