declare module "elfy" {
  interface ElfySection {
    name: string;
    off: number;
    size: number;
    link: number;
    info: number;
  }
  interface ElfyFile {
    class: "32" | "64";
    endian: "lsb" | "msb";
    body: { sections: ElfySection[] };
  }
  const elfy: { parse(bytes: unknown): ElfyFile };
  export default elfy;
}
