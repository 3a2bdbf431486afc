import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A throw-away git repository whose git sees no configuration of the user or the machine. */
export class GitRepo {
  readonly home: string;
  readonly dir: string;

  constructor() {
    this.home = mkdtempSync(join(tmpdir(), "objreview-patch-"));
    this.dir = join(this.home, "repo");
    mkdirSync(this.dir);
    this.git("init", "-q", "-b", "main");
  }

  git(...args: string[]): string {
    return this.#run(args).toString("utf8");
  }

  /** Output as bytes, for mails that are not UTF-8. */
  gitBytes(...args: string[]): Uint8Array {
    return new Uint8Array(this.#run(args));
  }

  gitWithInput(input: string | Uint8Array, ...args: string[]): string {
    return this.#run(args, input).toString("utf8");
  }

  /** A command that may fail. */
  try(input: string | Uint8Array, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
    const { status, stdout, stderr } = this.#spawn(args, input);
    return { status, stdout: stdout.toString("utf8"), stderr: stderr.toString("utf8") };
  }

  #run(args: string[], input?: string | Uint8Array): Buffer {
    const { status, stdout, stderr } = this.#spawn(args, input);
    if (status !== 0) throw new Error(`git ${args.join(" ")}: exit status ${status}: ${stderr}`);
    return stdout;
  }

  #spawn(args: string[], input?: string | Uint8Array) {
    const identity = ["-c", "user.name=Dev Eloper", "-c", "user.email=dev@example.org", "-c", "commit.gpgSign=false"];
    return spawnSync("git", [...identity, ...args], {
      cwd: this.dir,
      env: {
        PATH: process.env.PATH ?? "",
        HOME: this.home,
        GIT_CONFIG_NOSYSTEM: "1",
        LC_ALL: "C",
        GIT_AUTHOR_DATE: "2024-05-01T10:00:00Z",
        GIT_COMMITTER_DATE: "2024-05-01T10:00:00Z",
      },
      maxBuffer: 256 * 1024 * 1024,
      input: input ?? "",
    });
  }

  write(path: string, content: string | Uint8Array): void {
    const full = join(this.dir, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
  }

  read(path: string): string {
    return readFileSync(join(this.dir, path), "utf8");
  }

  remove(path: string): void {
    rmSync(join(this.dir, path));
  }

  link(path: string, target: string): void {
    rmSync(join(this.dir, path), { force: true });
    symlinkSync(target, join(this.dir, path));
  }

  chmod(path: string, mode: number): void {
    chmodSync(join(this.dir, path), mode);
  }

  commit(message: string): string {
    this.git("add", "-A");
    this.git("commit", "-q", "--allow-empty", "-m", message);
    return this.git("rev-parse", "HEAD").trim();
  }

  /** `git format-patch --stdout` of a range, as text. */
  formatPatch(range: string, ...options: string[]): string {
    return this.git("format-patch", "--stdout", "-M", "-C", "--find-copies-harder", ...options, range);
  }

  destroy(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** `count` numbered lines. */
export function numberedLines(count: number, prefix = "line"): string {
  return Array.from({ length: count }, (_, index) => `${prefix} ${index + 1}\n`).join("");
}

/** Every sort of change that git writes down in a way of its own, one commit each on top of "base". */
export function makeZoo(repo: GitRepo): { base: string; tip: string; subjects: string[] } {
  repo.write("kernel/exit.c", `int a(void)\n{\n${numberedLines(30, "\tstep();  /*")}}\n`);
  repo.write("mm/old-name.c", numberedLines(40));
  repo.write("mm/template.c", numberedLines(50, "row"));
  repo.write("script.sh", "#!/bin/sh\nexit 0\n");
  repo.write(
    "blob.bin",
    Uint8Array.from({ length: 600 }, (_, index) => (index * 7) & 0xff),
  );
  repo.write("no-newline.txt", "one\ntwo\nthree");
  repo.write("doomed.h", numberedLines(12));
  repo.write("soon-a-link", "plain\n");
  repo.write("dir with blank/sp ace.c", numberedLines(8));
  repo.write("tr\u00e4ger/\u00fcber.c", numberedLines(8));
  repo.write("dos.txt", "first\r\nsecond\r\nthird\r\nfourth\r\n");
  repo.write('odd"name.c', "x\n");
  repo.write("latin.txt", Uint8Array.from([0x66, 0xfc, 0x72, 0x0a, 0x78, 0x0a]));
  const base = repo.commit("base");
  const subjects: string[] = [];
  const step = (subject: string, change: () => void): void => {
    change();
    repo.commit(`${subject}\n\nWhy it is done.\n`);
    subjects.push(subject);
  };
  step("exit: change a line", () =>
    repo.write("kernel/exit.c", repo.read("kernel/exit.c").replace("/* 7\n", "/* seven\n")),
  );
  step("mm: rename with a change", () => {
    repo.git("mv", "mm/old-name.c", "mm/new-name.c");
    repo.write("mm/new-name.c", repo.read("mm/new-name.c").replace("line 20\n", "line twenty\n"));
  });
  step("mm: copy", () => repo.write("mm/copy of it.c", repo.read("mm/template.c").replace("row 3\n", "")));
  step("script: mode", () => repo.chmod("script.sh", 0o755));
  step("script: mode and content", () => {
    repo.chmod("script.sh", 0o644);
    repo.write("script.sh", "#!/bin/sh\nexit 1\n");
  });
  step("blob: change", () =>
    repo.write(
      "blob.bin",
      Uint8Array.from({ length: 700 }, (_, index) => (index * 11) & 0xff),
    ),
  );
  step("no newline: change the last line", () => repo.write("no-newline.txt", "one\ntwo\ndrei"));
  step("no newline: add the newline", () => repo.write("no-newline.txt", "one\ntwo\ndrei\n"));
  step("doomed: delete", () => repo.remove("doomed.h"));
  step("empty: add", () => repo.write("empty file.c", ""));
  step("empty: delete", () => repo.remove("empty file.c"));
  step("link: from file", () => repo.link("soon-a-link", "kernel/exit.c"));
  step("blank: in a path", () =>
    repo.write("dir with blank/sp ace.c", repo.read("dir with blank/sp ace.c").replace("line 4", "line IV")),
  );
  step("umlaut: in a path \u00fc", () =>
    repo.write("tr\u00e4ger/\u00fcber.c", `${repo.read("tr\u00e4ger/\u00fcber.c")}m\u00f6re\n`),
  );
  step("dos: line ends", () => repo.write("dos.txt", repo.read("dos.txt").replace("second", "2nd")));
  step("odd: quoted name", () => repo.write('odd"name.c', "x\ny\n"));
  step("latin: not UTF-8", () => repo.write("latin.txt", Uint8Array.from([0x66, 0xe4, 0x72, 0x0a, 0x78, 0x0a])));
  step("sql: looks like a header", () => repo.write("q.sql", "-- one\n++ two\n"));
  step("sql: remove and add look-alikes", () =>
    repo.write("q.sql", "++ two\n-- three\n@@ -1 +1 @@\ndiff --git a/x b/x\n"),
  );
  step("binary: new", () => repo.write("new.bin", Uint8Array.from([0, 1, 2, 3, 255, 254])));
  return { base, tip: repo.git("rev-parse", "HEAD").trim(), subjects };
}
