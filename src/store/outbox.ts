import { forPeople, POST_COLUMNS, postIn, readPost } from "./rows.ts";
import type { Sql } from "./sql.ts";
import type { Clocked } from "./sql-store.ts";
import type { Post, PostOrder, Sending } from "./store.ts";

// The outbox: claim, send, mark. Each step is committed before the next begins, so a dead speaker leaves a post that is either untouched or "sending".

export async function putPosts(
  sql: Sql,
  now: number,
  review: string | null,
  posts: readonly PostOrder[],
): Promise<number> {
  let put = 0;
  for (const each of posts) {
    const { identity, target, kind, body, manner } = postIn.parse(each);
    const rows = await sql.all(
      `insert into posts (identity, sequence, target, review, kind, body, manner, state, due_at, changed_at)
        select $1, coalesce(max(sequence), 0) + 1, $2, $3, $4, $5, $6, 'waiting', 0, $7 from posts where true
        on conflict (identity) do nothing returning identity`,
      [identity, target, review, kind, body, manner, now],
    );
    put += rows.length;
  }
  return put;
}

export async function tell(sql: Sql, now: number, review: string, posts: readonly PostOrder[]): Promise<boolean> {
  const marked = await sql.all(
    `update reviews set told_at = $1 where id = $2 and told_at is null
      and state in ('finished', 'failed', 'superseded', 'cancelled') returning id`,
    [now, review],
  );
  if (marked.length === 0) return false;
  await putPosts(sql, now, review, posts);
  return true;
}

/** Posts whose speaker let the lease end: to be sent again, or, where that could say it twice, never again. */
export async function giveBack(sql: Sql, now: number): Promise<void> {
  await sql.all(
    `update posts set state = case manner when 'once' then 'unknown' else 'waiting' end, changed_at = $1,
        error = 'the speaker gave no sign of life while it was sending'
      where state = 'sending' and lease_until <= $2`,
    [now, now],
  );
}

export async function claimPost(
  sql: Sql,
  clock: Clocked,
  speaker: string,
  voice: string,
): Promise<Sending | undefined> {
  const now = clock.now();
  await giveBack(sql, now);
  const until = now + clock.postLeaseSeconds * 1000;
  const [row] = await sql.all(
    `update posts set state = 'sending', attempts = attempts + 1, speaker = $1, lease_until = $2, changed_at = $3
      where identity = (
        select identity from posts p where state = 'waiting' and due_at <= $4 and substr(p.target, 1, $5) = $6 and not exists (
          select 1 from posts q where q.target = p.target and q.sequence < p.sequence and q.state in ('waiting', 'sending')
        ) order by sequence limit 1
      ) returning ${POST_COLUMNS}`,
    [forPeople(speaker), until, now, now, voice.length, voice],
  );
  return row === undefined ? undefined : { post: readPost(row), until };
}

// `attempts` is the fence: it grows with each claim, so a speaker that comes back from the dead marks nothing that another one has.
const MINE = "state = 'sending' and identity = $1 and attempts = $2";

export async function sent(sql: Sql, now: number, { post }: Sending, remote: string): Promise<boolean> {
  // A late mark is the truth all the same as long as nobody else has taken the post: an "unknown" mail is then known to be sent.
  const rows = await sql.all(
    `update posts set state = 'sent', remote = $3, error = '', changed_at = $4
      where state in ('sending', 'waiting', 'unknown') and identity = $1 and attempts = $2 returning identity`,
    [post.identity, post.attempts, forPeople(remote), now],
  );
  return rows.length === 1;
}

export async function notSent(
  sql: Sql,
  now: number,
  { post }: Sending,
  error: string,
  retryAt?: number,
): Promise<boolean> {
  const rows = await sql.all(
    `update posts set state = $3, error = $4, due_at = $5, changed_at = $6 where ${MINE} returning identity`,
    [post.identity, post.attempts, retryAt === undefined ? "failed" : "waiting", forPeople(error), retryAt ?? 0, now],
  );
  return rows.length === 1;
}

export async function posts(sql: Sql, target: string): Promise<Post[]> {
  const rows = await sql.all(`select ${POST_COLUMNS} from posts where target = $1 order by sequence`, [target]);
  return rows.map(readPost);
}
