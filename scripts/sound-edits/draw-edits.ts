import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SetupError } from "../setup/command.ts";
import { asmEdits, hardAsmEdits } from "./asm-edits.ts";
import { cEdits, headerEdits } from "./c-edits.ts";
import { byFolders, type Candidate, listCandidates, openSourceTree, type Sort } from "./candidates.ts";
import { type BuiltObject, compileEdited, readBuiltObjects } from "./compile.ts";
import { Draw, type Edit, type TreeEdit, type TreeEdited } from "./draw.ts";
import { hardEdits } from "./hard-edits.ts";
import { treeEdits } from "./tree-edits.ts";
import { type ManifestEntry, makePatch } from "./write-patch.ts";

/** More edits of one file say little that the first did not. */
const MAX_PER_FILE = 2;
const TRIES_PER_EDIT = 60;
/** Of an edit of several files; an edit of one file is tried in one object. */
const MAX_TRIED_OBJECTS = 4;

export interface DrawOptions {
  /** A kernel build whose link `source` leads to the source files. */
  readonly build: string;
  readonly count: number;
  readonly seed: number;
  /** Draws from the harder kinds, each as often as the others. */
  readonly isHard?: boolean;
  /** The only files, and the only functions, to edit. Kinds of both sorts take turns in them, and there may be fewer edits than `count`. */
  readonly files?: readonly string[] | undefined;
  readonly functions?: readonly string[] | undefined;
  readonly onProgress?: (text: string) => void;
}

export interface DrawnEdit extends ManifestEntry {
  readonly mail: string;
}

export interface Refused {
  place: number;
  compile: number;
  /** What objtool said that it did not say of the unedited file. */
  readonly objtool: string[];
}

interface Kind {
  readonly name: string;
  readonly sort: Sort | "any";
  readonly edit?: Edit;
  readonly treeEdit?: TreeEdit;
}

const kindsOf = (sort: Sort, edits: Readonly<Record<string, Edit>>): Kind[] =>
  Object.entries(edits).map(([name, edit]) => ({ name, sort, edit }));

const plainKinds: readonly Kind[] = [
  ...kindsOf("c", cEdits),
  ...kindsOf("asm", asmEdits),
  ...kindsOf("header", headerEdits),
];
const hardKinds: readonly Kind[] = [
  ...kindsOf("c", hardEdits),
  ...kindsOf("asm", hardAsmEdits),
  ...Object.entries(treeEdits).map(([name, treeEdit]): Kind => ({ name, sort: "any", treeEdit })),
];

/** Candidates of each sort in turns; a file comes again when all others of its sort were asked. */
class Queues {
  readonly #queues: Readonly<Record<Sort, Candidate[]>>;
  readonly #used = new Map<string, number>();
  readonly #perFile: number;

  constructor(candidates: readonly Candidate[], draw: Draw, perFile: number) {
    const queue = (sort: Sort): Candidate[] =>
      byFolders(
        candidates.filter((each) => each.sort === sort),
        draw,
      );
    this.#queues = { c: queue("c"), asm: queue("asm"), header: queue("header") };
    this.#perFile = perFile;
  }

  has(sort: Sort): boolean {
    return this.#queues[sort].length > 0;
  }

  next(sort: Sort): Candidate | undefined {
    const queue = this.#queues[sort];
    for (let i = 0; i < queue.length; i++) {
      const candidate = queue.shift()!;
      queue.push(candidate);
      if ((this.#used.get(candidate.file) ?? 0) < this.#perFile) return candidate;
    }
    return undefined;
  }

  take(file: string): void {
    this.#used.set(file, (this.#used.get(file) ?? 0) + 1);
  }
}

/** A third is assembly or headers: C, C, and then one of these. */
function choosePlain(position: number, queues: Queues, draw: Draw): [Kind, Candidate] | undefined {
  const turn: Sort = position % 3 !== 0 ? "c" : position % 6 === 0 ? "asm" : "header";
  const sort = ([turn, "header", "asm", "c"] as const).find((each) => queues.has(each)) ?? turn;
  const candidate = queues.next(sort);
  const kinds = plainKinds.filter((each) => each.sort === sort);
  return candidate === undefined ? undefined : [kinds[draw.below(kinds.length)]!, candidate];
}

/** Kinds in turns. Whatever kind finds no place for long leaves its turn to the next. */
function chooseInTurns(
  all: readonly Kind[],
  patience: number,
  position: number,
  tries: number,
  queues: Queues,
  draw: Draw,
): [Kind, Candidate] | undefined {
  const kinds = all.filter((each) => each.sort === "any" || queues.has(each.sort));
  const kind = kinds[(position + Math.floor(tries / patience)) % kinds.length]!;
  const sorts = (kind.name === "rename-inline-everywhere" ? ["header"] : ["c", "c", "asm"]) as readonly Sort[];
  const sort = kind.sort === "any" ? sorts[draw.below(sorts.length)]! : kind.sort;
  const candidate = queues.next(sort);
  return candidate === undefined ? undefined : [kind, candidate];
}

const HARD_TRIES = 400;
/** Two rounds of all kinds. */
const FUNCTION_TRIES = 4 * (plainKinds.length + hardKinds.length);
const HARD_MAX_DEPENDENTS = 60;

/**
 * Draws sound edits. Every edit is compiled by the build's own command; one that does not compile, or that the tree's own objtool objects to
 * where it had nothing to say before, is thrown away and counted. The same options over the same tree and build give the same edits.
 * @throws SetupError when the build is too small for so many
 */
export async function drawEdits(options: DrawOptions): Promise<{ edits: DrawnEdit[]; refused: Refused }> {
  const { count } = options;
  const build = await realpath(options.build);
  const source = await realpath(join(build, "source"));
  const draw = new Draw(options.seed, options.functions === undefined ? undefined : new Set(options.functions));
  const isNarrow = options.files !== undefined || options.functions !== undefined;
  const objects = readBuiltObjects(build, source);
  const byObject = new Map(objects.map((each) => [each.object, each]));
  const candidates = chooseCandidates(objects, options);
  const queues = new Queues(candidates, draw, options.files === undefined ? MAX_PER_FILE : count);
  const tree = openSourceTree(source, objects);
  const scratch = await mkdtemp(join(tmpdir(), "objreview-edits-"));
  const known = new Map<string, readonly string[]>();
  const refused: Refused = { place: 0, compile: 0, objtool: [] };
  const seen = new Set<string>();
  const edits: DrawnEdit[] = [];
  const compile = async (made: BuiltObject, files: TreeEdited["files"]): Promise<string[] | undefined> => {
    await rm(join(scratch, "c"), { recursive: true, force: true });
    return compileEdited(build, source, made, files, join(scratch, "c"));
  };
  /** What is against the edit: undefined when nothing is. */
  const tryObject = async (made: BuiltObject, files: TreeEdited["files"]): Promise<"compile" | string | undefined> => {
    const before = known.get(made.object) ?? (await compile(made, new Map())) ?? ["the unedited file does not compile"];
    known.set(made.object, before);
    const said = await compile(made, files);
    if (said === undefined) return "compile";
    return said.length > before.length && said.some((line) => !before.includes(line)) ? said.join("; ") : undefined;
  };
  try {
    let since = 0;
    for (let tries = 0; edits.length < count; tries++, since++) {
      if (since > FUNCTION_TRIES && isNarrow) break;
      if (tries > count * (options.isHard === true ? HARD_TRIES : TRIES_PER_EDIT) && !isNarrow)
        throw new SetupError(`only ${edits.length} edits found: the build is too small`);
      const chosen = isNarrow
        ? chooseInTurns([...plainKinds, ...hardKinds], 2, edits.length, since, queues, draw)
        : options.isHard === true
          ? chooseInTurns(hardKinds, HARD_TRIES, edits.length, since, queues, draw)
          : choosePlain(edits.length, queues, draw);
      if (chosen === undefined && isNarrow) continue;
      if (chosen === undefined) throw new SetupError(`only ${edits.length} edits found: no file is left`);
      const [kind, candidate] = chosen;
      const result = applyKind(kind, candidate, tree, draw);
      const text = JSON.stringify([...(result?.files ?? [])]);
      if (result === undefined || seen.has(text)) {
        refused.place++;
        continue;
      }
      const changed =
        kind.treeEdit === undefined
          ? [candidate.made]
          : result.objects.flatMap((each) => byObject.get(each) ?? []).slice(0, MAX_TRIED_OBJECTS);
      let against: string | undefined;
      for (const made of changed) against ??= await tryObject(made, result.files);
      if (against !== undefined) {
        if (against === "compile") refused.compile++;
        else refused.objtool.push(`${candidate.file}: ${kind.name}: ${against}`);
        continue;
      }
      seen.add(text);
      const number = edits.length + 1;
      const area = candidate.file.split("/").slice(0, -1).slice(0, 2).join("/");
      const changes = [...result.files].map(([path, after]) => ({ path, before: tree.read(path), after }));
      edits.push({
        patch: `${String(number).padStart(3, "0")}-${kind.name}.mbox`,
        kind: kind.name,
        file: candidate.file,
        summary: result.summary,
        objects: result.objects,
        mail: await makePatch(scratch, area, changes, number, result.summary),
      });
      queues.take(candidate.file);
      since = 0;
      options.onProgress?.(`${number} edits, ${candidate.file}`);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return { edits, refused };
}

function chooseCandidates(objects: readonly BuiltObject[], options: DrawOptions): Candidate[] {
  const candidates = listCandidates(objects, options.isHard === true ? HARD_MAX_DEPENDENTS : undefined);
  if (options.files === undefined) return candidates;
  const only = new Set(options.files);
  for (const file of only) {
    if (!candidates.some((each) => each.file === file)) throw new SetupError(`${file}: this build does not compile it`);
  }
  return candidates.filter((each) => only.has(each.file));
}

function applyKind(kind: Kind, candidate: Candidate, tree: ReturnType<typeof openSourceTree>, draw: Draw) {
  const { file, objects } = candidate;
  if (kind.treeEdit !== undefined) return kind.treeEdit(file, tree, draw);
  const before = tree.read(file);
  const result = before === undefined ? undefined : kind.edit?.(before, draw);
  if (result === undefined || result.text === before) return undefined;
  return { files: new Map([[file, result.text]]), summary: result.summary, objects };
}
