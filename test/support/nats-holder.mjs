// Holds a name in a directory in NATS until it is killed: nats-holder.mjs SERVER LAYER SELF NAME LEASE_MS.
import { NatsDirectory } from '../../packages/ipcpd/dist/layers/directory/nats-directory.js';

const [servers, layerName, self, name, leaseMs] = process.argv.slice(2);
const config = { servers: [servers], credentials: null, leaseMs: Number(leaseMs), address: null };
const directory = new NatsDirectory({ layerName, self }, config);
while ((await Promise.resolve(directory.lookup('connected')).catch(() => 'not yet')) !== null);
await directory.register(name);
process.stdout.write('held\n');
setInterval(() => undefined, 1_000);
