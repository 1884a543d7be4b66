// Two hosts on this one for the benchmark: daemons with an IPCP each of one udp layer, joined by loopback.
import dgram from 'node:dgram';
import fs from 'node:fs';
import path from 'node:path';
import { startPrivateDaemon } from '../test/scenarios/private-daemon.mjs';

const HOST = '127.0.0.1';

/** `names`: those the server's host has. Resolves once both layers are up. */
export async function startTwoHosts(names, layerOptions = {}) {
  const [clientPort, serverPort] = [await freePort(), await freePort()];
  const at = `${HOST}:${serverPort}`;
  const server = await startHost({ ...layerOptions, host: HOST, port: serverPort });
  const known = Object.fromEntries(names.map((name) => [name, at]));
  const client = await startHost({ ...layerOptions, host: HOST, port: clientPort, names: known });
  return {
    client,
    server,
    async stop() {
      await client.stop();
      await server.stop();
    },
  };
}

async function startHost(config) {
  const daemon = await startPrivateDaemon();
  const file = path.join(daemon.dir, 'udp.toml');
  fs.writeFileSync(file, toml(config));
  await daemon.irm('ipcp', 'create', 'udp0', '--type', 'udp');
  await daemon.irm('ipcp', 'bootstrap', 'udp0', '--type', 'udp', '--layer', 'net', '--config', file);
  return daemon;
}

function toml({ names = {}, ...keys }) {
  const lines = Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  const entries = Object.entries(names).map(
    ([name, at]) => `${JSON.stringify(name)} = ${JSON.stringify(at)}`,
  );
  return `${[...lines, '[names]', ...entries].join('\n')}\n`;
}

async function freePort() {
  const socket = dgram.createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, HOST, resolve));
  const { port } = socket.address();
  await new Promise((resolve) => socket.close(resolve));
  return port;
}
