import * as d from "./descriptor.ts";
import { RCX } from "./registers.ts";

// The VEX and EVEX maps (SDM volume 2, appendix A; Intel Architecture Instruction Set Extensions reference for maps 5, 6 and 7).
// Vector operands are of no interest here: an entry says whether an opcode exists, its immediate, and the general registers
// that it writes.

const { OTHER, MODRM, IMM_8, byPrefix, group } = d;
const CX = 1 << RCX;
const X = OTHER | MODRM;
const XI = OTHER | MODRM | IMM_8;
const TO_REG = X | d.W_REG;
const TO_RM = X | d.W_RM;

export function defineVexMaps(): void {
  defineVex();
  defineEvex();
}

function defineVex(): void {
  const one = d.MAP_VEX;
  d.fill(one, "10-17 28-2f 51-6f 74-76 7c-7d 7f d0-d6 d8-fe", X);
  d.fill(one, "41-42 44-47 4a-4b 90-92 98-99", X); // opmasks
  d.fill(one, "50 93 d7", group([], new Array<number>(8).fill(TO_REG))); // vmovmskps, kmov, vpmovmskb
  d.fill(one, "2c-2d", byPrefix(X, X, TO_REG, TO_REG)); // vcvttss2si, vcvtss2si
  d.fill(one, "70 c2 c4 c6", XI);
  d.fill(one, "c5", XI | d.W_REG); // vpextrw
  d.fill(one, "71-72", group([], [0, 0, XI, 0, XI, 0, XI]));
  d.put(one + 0x73, group([], [0, 0, XI, XI, 0, 0, XI, XI]));
  d.put(one + 0x77, OTHER); // vzeroupper
  d.put(one + 0x7e, byPrefix(0, TO_RM, X, 0)); // vmovd, vmovq
  d.put(one + 0xae, group([0, 0, X, X], []));

  const two = d.MAP_VEX + 0x100;
  d.fill(two, "00-0f 13 16-1a 1c-1e 20-25 28-41 45-47 49 4b 50-53 58-5a 5c 5e 6c 72 78-79", X);
  d.fill(two, "8c 8e 90-93 96-9f a6-af b0-b1 b4-bf cb-cd cf d2-d3 da-df", X);
  d.fill(two, "e0-ef", group(new Array<number>(8).fill(TO_REG), [])); // cmpccxadd
  d.fill(two, "f2", TO_REG); // andn
  d.put(two + 0xf3, group([0, X | d.W_VVVV, X | d.W_VVVV, X | d.W_VVVV])); // blsr, blsmsk, blsi
  d.put(two + 0xf5, byPrefix(TO_REG, 0, TO_REG, TO_REG)); // bzhi, pext, pdep
  d.put(two + 0xf6, byPrefix(0, 0, 0, X | d.W_REG | d.W_VVVV)); // mulx
  d.fill(two, "f7", TO_REG); // bextr, shlx, sarx, shrx

  const three = d.MAP_VEX + 0x200;
  d.fill(three, "00-02 04-06 08-0f 18-19 1d 20-22 30-33 38-39 40-42 44 46 48-4c 5c-60 62 68-6f 78-7f ce-cf de-df", XI);
  d.fill(three, "14-17", XI | d.W_RM); // vpextrb, vpextrw, vpextrd, vextractps
  d.fill(three, "61 63", [XI, CX]); // vpcmpestri, vpcmpistri
  d.put(three + 0xf0, byPrefix(0, 0, 0, XI | d.W_REG)); // rorx

  const immediate = X | d.IMM_32;
  d.put(d.MAP_VEX7 + 0xf6, byPrefix(0, 0, group([], [immediate]), group([], [immediate | d.W_RM]))); // wrmsrns, rdmsr
  d.put(d.MAP_VEX7 + 0xf8, byPrefix(0, 0, group([], [immediate]), group([], [immediate | d.W_RM]))); // uwrmsr, urdmsr
}

function defineEvex(): void {
  const one = d.MAP_EVEX;
  d.fill(one, "10-17 28-2b 2e-2f 51 54-6f 74-76 7a-7b 7f d1-d6 d8-e7 e8-ef f1-f6 f8-fe", X);
  d.fill(one, "2c-2d 78-79", byPrefix(X, X, TO_REG, TO_REG)); // vcvt(t)ss2si, vcvt(t)ss2usi
  d.fill(one, "70-72 c2 c4 c6", XI);
  d.put(one + 0x73, group([0, 0, XI, XI, 0, 0, XI, XI]));
  d.put(one + 0x7e, byPrefix(0, TO_RM, X, 0));
  d.fill(one, "c5", XI | d.W_REG);

  const two = d.MAP_EVEX + 0x100;
  d.fill(two, "00 04 0b-0d 10-16 18-1f 20-40 42-47 4c-55 58-5b 62-66 68 70-73 75-7f 83 88-8f 90-93 96-9f", X);
  d.fill(two, "a0-a3 a6-af b4-bf c4 c6-c8 ca-cd cf d2-d3 da dc-df", X);

  const three = d.MAP_EVEX + 0x200;
  d.fill(three, "00-01 03-05 08-0b 0f 18-1b 1d-1f 20-23 25-27 38-3b 3e-3f 42-44 50-51 54-57 66-67 70-73 c2 ce-cf", XI);
  d.fill(three, "14-17", XI | d.W_RM);

  const five = d.MAP_EVEX5;
  d.fill(five, "10-11 1d 2a 2e-2f 51 58-5f 6e 7a-7d", X);
  d.fill(five, "2c-2d 78-79", byPrefix(X, X, TO_REG, TO_REG)); // vcvt(t)sh2si, vcvt(t)sh2usi
  d.put(five + 0x7e, byPrefix(0, TO_RM, X, 0)); // vmovw

  const six = d.MAP_EVEX5 + 0x100;
  d.fill(six, "13 2c-2d 42-43 4c-4f 56-57 96-9f a6-af b6-bf d6-d7", X);
}
