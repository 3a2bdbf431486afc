// A process that sends what is in the outbox until it is killed: node sender.ts FOLDER PORT MILLIS, the last of which its clock is ahead.

import { SmtpOutlet } from "../../../src/mail/smtp.ts";
import { sendNextMail } from "../../../src/mail/voice.ts";
import { openVoiceRoom, voiceConfig } from "./voice-room.ts";

const [folder = "", port = "", ahead = ""] = process.argv.slice(2);
const room = await openVoiceRoom(folder, 0);
Object.defineProperty(room.clock, "now", { get: () => Date.now() + Number(ahead) });
const parts = room.parts(voiceConfig(), new SmtpOutlet({ host: "127.0.0.1", port: Number(port), tls: "off" }));
await room.store.sweep();
while (await sendNextMail(parts));
process.stdout.write("done\n");
await room.store.close();
