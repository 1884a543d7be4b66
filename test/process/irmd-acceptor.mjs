// A server reduced to its control messages: accepts flows for any name bound to it and tells how many it got.
import { connectControl } from '@flowring/control';
import { availableKinds } from '@flowring/channel';

let offers = 0;
const control = await connectControl({
  kind: 'app',
  program: 'irmd-acceptor',
  path: process.argv[1],
  channels: availableKinds(),
  onMessage: (message) => {
    if (message.t !== 'offer') return;
    offers += 1;
    process.stdout.write(`offer ${offers} ${message.name}\n`);
  },
  onClose: () => process.exit(0),
});
control.send({ t: 'accept', acceptor: 1, add: 100, decide: false });
process.stdout.write('accepting\n');
