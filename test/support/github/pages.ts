import { marked } from "marked";
import type { Deed } from "./visitor.ts";
import type { CheckRun, Pull, World } from "./world.ts";

// What a person sees: the pull request with its conversation, comments on lines and checks. Plain pages without scripts;
// what their forms do is in visitor.ts.

const STYLE = `
body { font: 14px/1.5 system-ui, sans-serif; max-width: 860px; margin: 2em auto; color: #1f2328; padding: 0 1em }
h1 { font-size: 22px } h2 { font-size: 16px; margin-top: 2em } a { color: #0969da }
.box { border: 1px solid #d1d9e0; border-radius: 6px; margin: 1em 0; overflow: hidden }
.box > header { background: #f6f8fa; border-bottom: 1px solid #d1d9e0; padding: 6px 12px; color: #59636e; font-size: 13px }
.box > div { padding: 4px 14px } .box pre.hunk { margin: 0; border-radius: 0; border-bottom: 1px solid #d1d9e0 }
pre { background: #f6f8fa; padding: 10px; overflow: auto; font-size: 12px; border-radius: 6px } code { font-size: 12px; background: #f0f1f3; padding: 1px 4px; border-radius: 4px }
pre code { background: none; padding: 0 } table { border-collapse: collapse } td, th { border: 1px solid #d1d9e0; padding: 4px 10px; text-align: left }
.state { color: white; border-radius: 1em; padding: 2px 10px; background: #59636e } .state.success { background: #1a7f37 } .state.failure { background: #d1242f }
form { margin: 6px 0 } .reply { border-top: 1px solid #d1d9e0 }
`;

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]!);
}

const markdown = (text: string): string => marked.parse(text, { async: false, gfm: true });
const box = (head: string, inside: string): string =>
  `<section class="box"><header>${head}</header>${inside}</section>`;

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title><style>${STYLE}</style><h1>${escapeHtml(title)}</h1>${body}</html>`;
}

function form(deed: Deed, label: string, fields: string): string {
  return `<form method="post"><input type="hidden" name="deed" value="${deed}">${fields}<button>${escapeHtml(label)}</button></form>`;
}

/** Everybody who has been named, as the one who does it. */
function people(world: World): string {
  const options = [...world.users.values()]
    .filter(({ type, login }) => type === "User" && !world.repos.some(({ owner }) => owner === login))
    .map(({ login }) => `<option>${escapeHtml(login)}</option>`);
  return `<select name="login">${options.join("")}</select> `;
}

function forms(world: World, pull: Pull): string {
  const who = people(world);
  const newest = world.checkRuns.filter((run) => run.headSha === pull.headSha).at(-1);
  const buttons = (newest?.actions ?? []).map(({ label, identifier }) =>
    form("button", label, `${who}<input type="hidden" name="identifier" value="${escapeHtml(identifier)}">`),
  );
  return box(
    "as",
    `<div>${form("comment", "Comment", `${who}<br><textarea name="body" rows="3" cols="80">/objreview help</textarea><br>`)}
    ${form("rerequest", "Re-run the check", who)}${buttons.join("")}
    ${pull.isOpen ? form("close", "Close", "") : form("reopen", "Reopen", "")}${form("redeliver", "Deliver the last webhook again", "")}</div>`,
  );
}

function checkBox(run: CheckRun): string {
  const state = run.conclusion ?? run.status;
  const buttons = run.actions.map(({ label }) => `<button disabled>${escapeHtml(label)}</button>`).join(" ");
  const rows = run.annotations.map(
    ({ path, start_line, annotation_level, title, message }) =>
      `<tr><td><code>${escapeHtml(path)}:${start_line}</code></td><td>${annotation_level}</td><td><b>${escapeHtml(title ?? "")}</b><br>${escapeHtml(message)}</td></tr>`,
  );
  const head = `<span class="state ${state}">${state}</span> <b>${escapeHtml(run.name)}</b> on <code>${run.headSha.slice(0, 12)}</code> ${escapeHtml(run.title ?? "")}`;
  return box(head, `<div>${markdown(run.summary ?? "")}<table>${rows.join("")}</table><p>${buttons}</p></div>`);
}

function pullPage(world: World, pull: Pull): string {
  const conversation = world.issueComments
    .filter((each) => each.pull === pull)
    .map(({ user, body, edits, reactions }) => {
      const marks = reactions.map(({ content, user: by }) => `${content} by ${by.login}`).join(", ");
      const more = `${edits > 0 ? ` &middot; edited ${edits}&times;` : ""}${marks === "" ? "" : ` &middot; ${escapeHtml(marks)}`}`;
      return box(`<b>${escapeHtml(user.login)}</b>${more}`, `<div>${markdown(body)}</div>`);
    });
  const comments = world.reviewComments.filter((each) => each.pull === pull);
  const threads = comments
    .filter((each) => each.inReplyTo === undefined)
    .map((each) => {
      const at =
        each.line === undefined
          ? "outdated"
          : `line ${each.startLine === undefined ? "" : `${each.startLine} to `}${each.line}`;
      const replies = comments
        .filter(({ inReplyTo }) => inReplyTo === each.id)
        .map(({ user, body }) => `<div class="reply"><b>${escapeHtml(user.login)}</b>${markdown(body)}</div>`);
      const hunk = `<pre class="hunk">${escapeHtml(each.diffHunk)}</pre>`;
      const head = `<code>${escapeHtml(each.path)}</code> ${at} &middot; <b>${escapeHtml(each.user.login)}</b>${each.edits > 0 ? ` &middot; edited ${each.edits}&times;` : ""}`;
      return box(head, `${hunk}<div>${markdown(each.body)}</div>${replies.join("")}`);
    });
  const runs = world.checkRuns.filter((run) => run.suite.repo === pull.repo && run.headSha === pull.headSha);
  const facts = `<p>${pull.isOpen ? "open" : pull.mergedAt ? "merged" : "closed"}, head <code>${pull.headSha}</code> of ${escapeHtml(pull.headRepo.owner)}:${escapeHtml(pull.headRef)} into ${escapeHtml(pull.baseRef)}</p>`;
  return page(
    `${pull.title} #${pull.number}`,
    `${facts}<h2>Checks</h2>${runs.map(checkBox).join("")}<h2>Conversation</h2>${conversation.join("")}<h2>On lines</h2>${threads.join("")}<h2>What a person may do</h2>${forms(world, pull)}`,
  );
}

/** The pull request that a path is the page of. */
export function pullAt(world: World, path: string): Pull | undefined {
  const [, owner = "", name = "", number = ""] = /^\/([^/]+)\/([^/]+)\/pull\/(\d+)$/.exec(path) ?? [];
  const repo = world.repo(owner, name);
  return repo === undefined ? undefined : world.pull(repo, Number(number));
}

/** Undefined: there is no such page. */
export function showPage(world: World, path: string): string | undefined {
  if (path === "/") {
    const list = world.pulls.map(({ repo, number, title }) => {
      const link = `${repo.owner}/${repo.name}/pull/${number}`;
      return `<li><a href="/${link}">${escapeHtml(link)}</a> ${escapeHtml(title)}</li>`;
    });
    return page("Pull requests", `<ul>${list.join("")}</ul>`);
  }
  const pull = pullAt(world, path);
  return pull === undefined ? undefined : pullPage(world, pull);
}
