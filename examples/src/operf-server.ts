import type { Flow } from '@flowring/libdev';
import { flowAccept } from '@flowring/libdev';
import { countsMessage, eachMessage, KIND, messageOf, sendWhile } from './perf-messages.ts';

/** Serves measurements on every flow, for ever. */
export async function servePerf(name: string): Promise<void> {
  console.log('Server started.');
  for await (const flow of flowAccept({ name })) {
    console.log('New flow.');
    serveFlow(flow).catch((error: unknown) => {
      console.log(`A client was lost: ${String(error)}`);
    });
  }
}

async function serveFlow(flow: Flow): Promise<void> {
  await using open = flow;
  let messages = 0;
  let bytes = 0;
  let isSending = false;
  await eachMessage(open, (message) => {
    switch (message.readUInt32BE(0)) {
      case KIND.data:
        messages += 1;
        bytes += message.length;
        break;
      case KIND.echo:
        void open.write(message).catch(() => undefined);
        break;
      case KIND.startSending:
        isSending = true;
        void sendWhile(open, messageOf(KIND.data, message.length), () => isSending).catch(() => undefined);
        break;
      case KIND.finish:
        isSending = false;
        void open.write(countsMessage({ messages, bytes })).catch(() => undefined);
        break;
    }
  });
}
