// kbuild reaches some folders of an architecture on two ways at the same time: below arch/<arch> itself (core-y), and as a goal of its
// own (libs-y and drivers-y in arch/x86/Makefile, 6.12 lines 286 to 295). Asked for a single object in one of them with -j, both makes
// build it at once, and one finds that the other has taken its files away.

const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  x86: ["lib", "math-emu", "pci", "power", "video"],
};

/** The object, source or folder lies where single objects have to be built one at a time. */
export function isVisitedTwice(path: string, sourceArch: string): boolean {
  // Other architectures have such folders under other names: lib is the one that all share.
  return (FOLDERS[sourceArch] ?? ["lib"]).some((folder) => path.startsWith(`arch/${sourceArch}/${folder}/`));
}
