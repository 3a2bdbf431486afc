import type { Caller } from "./access.ts";
import { sees } from "./access.ts";
import { notFound } from "./api-error.ts";
import type { Hooks } from "./hooks.ts";
import type { Render } from "./render.ts";
import type { Pull, Repo, World } from "./world.ts";

export interface Answer {
  /** 200 when absent. */
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request, judged already: right by the description, and of a caller who may. */
export interface Call {
  readonly world: World;
  readonly render: Render;
  readonly hooks: Hooks;
  readonly caller: Caller;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly accept: string;
  readonly api: string;
  /** Says what GitHub would take and show wrongly. */
  readonly complain: (text: string) => void;
  readonly rates: () => {
    readonly limit: number;
    readonly remaining: number;
    readonly reset: number;
    readonly used: number;
  };
  /** One page of a list; `under`: the field that it is in, beside its total_count. */
  readonly page: <T>(items: readonly T[], show: (item: T) => unknown, under?: string) => Answer;
}

export type Route = (call: Call) => Answer;

/** @throws ApiError 404: also where the caller may not know that it exists */
export function requireRepo({ world, params, caller }: Call): Repo {
  const repo = world.repo(params.owner ?? "", params.repo ?? "");
  if (repo === undefined || !sees(caller, repo)) throw notFound();
  return repo;
}

export function requirePull(call: Call, number = call.params.pull_number): Pull {
  const pull = call.world.pull(requireRepo(call), Number(number));
  if (pull === undefined) throw notFound();
  return pull;
}

/** A reader of public repositories is no writer: an installation writes where it is installed. */
export function requireInstalled(call: Call): Repo {
  const repo = requireRepo(call);
  if (call.caller.kind !== "installation" || !call.caller.installation.repos.includes(repo)) throw notFound();
  return repo;
}
