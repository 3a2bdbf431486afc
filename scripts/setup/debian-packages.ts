import { run, SetupError } from "./command.ts";
import { type Report, step } from "./progress.ts";

export interface DebianPackage {
  readonly name: string;
  readonly purpose: string;
}

/** What a review needs. */
export const reviewPackages: readonly DebianPackage[] = [
  { name: "linux-source-6.12", purpose: "the kernel that the example series is written against" },
  { name: "xz-utils", purpose: "unpacks it" },
  { name: "git", purpose: "holds it, applies the patches" },
  { name: "gcc", purpose: "compiles it" },
  { name: "libc6-dev", purpose: "kbuild's host tools" },
  { name: "make", purpose: "kbuild" },
  { name: "binutils", purpose: "assembler and linker of the build" },
  { name: "flex", purpose: "kbuild: Kconfig's scanner" },
  { name: "bison", purpose: "kbuild: Kconfig's parser" },
  { name: "bc", purpose: "kbuild: timeconst.h" },
  { name: "libelf-dev", purpose: "kbuild: the tree's own objtool" },
  { name: "libssl-dev", purpose: "kbuild: certificates" },
  { name: "ccache", purpose: "keeps the objects of the base" },
  { name: "bubblewrap", purpose: "the sandbox that builds run in" },
];

/** What the tests need besides. */
export const testPackages: readonly DebianPackage[] = [
  ...reviewPackages,
  { name: "chromium", purpose: "looks at the HTML page" },
  { name: "clang-16", purpose: "builds the rules' examples, besides gcc" },
  { name: "clang-22", purpose: "builds objects with .sframe and sizes of jump tables" },
  { name: "lld-22", purpose: "links what clang 22 builds of a kernel" },
  { name: "llvm-22", purpose: "reads .sframe besides us" },
  { name: "gcc-aarch64-linux-gnu", purpose: "builds objects with .sframe for arm64" },
  { name: "postgresql-15", purpose: "the store's tests, besides the embedded one" },
  { name: "public-inbox", purpose: "the archive that series are read from" },
  { name: "libsearch-xapian-perl", purpose: "its search" },
  { name: "dovecot-imapd", purpose: "the mailbox that is read, and that replies arrive in" },
  { name: "git-email", purpose: "sends the series" },
  { name: "b4", purpose: "reads what was sent, as a maintainer does; with patatt, which signs" },
  { name: "mutt", purpose: "shows the thread" },
  { name: "gnupg", purpose: "signs a command as patatt does" },
  { name: "openssl", purpose: "certificates of servers that last for a test" },
];

/** What the check of the Dockerfile needs. */
export const imagePackages: readonly DebianPackage[] = [
  { name: "debootstrap", purpose: "makes the root folders that stand for images" },
  { name: "bubblewrap", purpose: "runs the steps in them" },
];

/** The packages of the list that dpkg does not have completely installed. */
export async function missingPackages(packages: readonly DebianPackage[]): Promise<DebianPackage[]> {
  // dpkg-query ends with 1 when it knows nothing of one of the names, and lists the others all the same.
  const names = packages.map((each) => each.name);
  const query = 'format=$1; shift; dpkg-query -W -f="$format" "$@" || :';
  const format = `\${binary:Package} \${db:Status-Status}\\n`;
  const listing = await run("sh", ["-c", query, "sh", format, ...names]);
  const installed = new Set<string>();
  for (const line of listing.split("\n")) {
    const [name = "", status] = line.split(" ");
    if (status === "installed") installed.add(name.replace(/:.*$/, ""));
  }
  return packages.filter((each) => !installed.has(each.name));
}

function aptGet(args: readonly string[], report: Report): Promise<string> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
  return run("apt-get", [...args], { env, report });
}

/** Installs what is missing when that needs no password; otherwise says the one command that does it. */
export async function ensureDebianPackages(packages: readonly DebianPackage[]): Promise<void> {
  let missing: DebianPackage[];
  try {
    missing = await missingPackages(packages);
  } catch (error) {
    throw new SetupError(`set-up needs Debian's dpkg-query: ${(error as Error).message}`);
  }
  if (missing.length === 0) return;
  const names = missing.map((each) => each.name);
  const install = ["install", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", ...names];
  if (process.getuid?.() !== 0) {
    const why = missing.map((each) => `  ${each.name.padEnd(24)} ${each.purpose}`).join("\n");
    throw new SetupError(
      `these Debian packages are missing:\n${why}\nInstall them, then start again:\n  sudo apt-get install -y --no-install-recommends ${names.join(" ")}`,
    );
  }
  await step(`Debian packages (${names.join(" ")})`, async (report) => {
    try {
      await aptGet(install, report);
    } catch {
      // No package list yet, or one that names versions which are gone from the mirror.
      await aptGet(["update"], report);
      await aptGet(install, report);
    }
  });
}
