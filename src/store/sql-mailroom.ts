import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import { bytesRow, cursorIn, mailIn, noteIn, sourceIn } from "./mail-rows.ts";
import * as series from "./mail-series.ts";
import type { Filing, IncomingMail, Mailroom, Note, SeriesOrder } from "./mailroom.ts";
import * as mails from "./mails.ts";
import type { Database } from "./sql.ts";

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** The mailroom over a database; raw messages are kept compressed (zstd: text to about a third). */
export class SqlMailroom implements Mailroom {
  readonly #database: Database;
  readonly #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  async deliver(source: string, incoming: readonly IncomingMail[], cursor?: string): Promise<number[]> {
    const name = sourceIn.parse(source);
    const position = cursor === undefined ? undefined : cursorIn.parse(cursor);
    const packed: mails.PackedMail[] = [];
    // One by one: a batch may be large, and the other side of the transaction must not hold all of it twice.
    for (const each of incoming) {
      const { messageId, raw } = mailIn.parse(each);
      packed.push({ messageId, packed: await compress(raw) });
    }
    return this.#database.transaction((sql) => mails.deliver(sql, this.#now(), name, packed, position));
  }

  async cursor(source: string): Promise<string | undefined> {
    const [row] = await this.#database.all("select position from mail_sources where source = $1", [source]);
    return row === undefined ? undefined : String(row.position);
  }

  unfiled(limit: number) {
    return mails.unfiled(this.#database, limit);
  }

  file(sequence: number, facts: string, keys: readonly string[]) {
    return this.#database.transaction((sql) => mails.file(sql, sequence, facts, keys));
  }

  async fileAll(filings: readonly Filing[], notes: readonly Note[] = []): Promise<number[]> {
    const checked = notes.map((each) => noteIn.parse(each));
    return this.#database.transaction(async (sql) => {
      for (const note of checked) await series.putNote(sql, note);
      const clusters: number[] = [];
      for (const { sequence, facts, keys } of filings) clusters.push(await mails.file(sql, sequence, facts, keys));
      return clusters;
    });
  }

  staleClusters(limit: number) {
    return mails.staleClusters(this.#database, limit);
  }

  stamp(cluster: number) {
    return mails.stamp(this.#database, cluster);
  }

  clusterOfKey(key: string) {
    return mails.clusterOfKey(this.#database, key);
  }

  cluster(id: number, limit: number) {
    return mails.cluster(this.#database, id, limit);
  }

  mail(messageId: string) {
    return mails.mail(this.#database, messageId);
  }

  async raw(messageId: string): Promise<Uint8Array | undefined> {
    const [row] = await this.#database.all(
      "select b.raw from mail_bytes b join mails m on m.sequence = b.sequence where m.message_id = $1",
      [messageId],
    );
    if (row === undefined) return undefined;
    return new Uint8Array(await decompress(bytesRow.parse(row).raw));
  }

  putSeries(cluster: number, orders: readonly SeriesOrder[], stamp?: number) {
    return this.#database.transaction((sql) => series.putSeries(sql, this.#now(), cluster, orders, stamp));
  }

  series(cluster: number) {
    return series.seriesOf(this.#database, cluster);
  }

  seriesByIdentity(identity: string) {
    return series.seriesByIdentity(this.#database, identity);
  }

  dueSeries(now: number, limit: number) {
    return series.dueSeries(this.#database, now, limit);
  }

  seriesSince(time: number, limit: number) {
    return series.seriesSince(this.#database, time, limit);
  }

  async note(note: Note): Promise<boolean> {
    const checked = noteIn.parse(note);
    return this.#database.transaction((sql) => series.putNote(sql, checked));
  }

  notes(kind: string, keyPrefix = "", since = 0) {
    return series.notes(this.#database, kind, keyPrefix, since);
  }

  removeNote(kind: string, key: string) {
    return this.#database.transaction((sql) => series.removeNote(sql, kind, key));
  }

  forgetMails(before: number, noteKinds: readonly string[] = []) {
    return this.#database.transaction(async (sql) => {
      for (const kind of noteKinds) await series.forgetNotes(sql, kind, before);
      return mails.forgetBytes(sql, before);
    });
  }
}
