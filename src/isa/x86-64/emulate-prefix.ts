/**
 * What stands behind a ud2 that is no trap of the kernel's: `ud2; .ascii "xen"` and `ud2; .ascii "kvm"` ask the hypervisor to emulate the
 * instruction that follows, and execution goes on behind that one (kernel arch/x86/include/asm/emulate_prefix.h; uses: xen_cpuid() in
 * arch/x86/xen/enlighten_pv.c, KVM's forced emulation in arch/x86/kvm/x86.c). The five bytes are taken for an instruction of their own that
 * does nothing, and what is emulated for the next one: its effects are its own.
 * @param at offset in `bytes` behind a ud2 without prefixes
 */
export function isEmulatePrefixRest(bytes: Uint8Array, at: number): boolean {
  const first = bytes[at];
  return first === 0x78
    ? bytes[at + 1] === 0x65 && bytes[at + 2] === 0x6e // "xen"
    : first === 0x6b && bytes[at + 1] === 0x76 && bytes[at + 2] === 0x6d; // "kvm"
}
