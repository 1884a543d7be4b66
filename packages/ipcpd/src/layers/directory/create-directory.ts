import type { Directory } from '../layer.ts';
import { AskingDirectory } from './asking-directory.ts';
import type { DirectoryConfig } from './directory-config.ts';
import type { DirectoryHost } from './directory-host.ts';
import { NatsDirectory } from './nats-directory.ts';
import { StaticDirectory } from './static-directory.ts';
import { WithKnownNames } from './with-known-names.ts';

/** The directory that a configuration asks for. */
export function createDirectory(config: DirectoryConfig, host: DirectoryHost): Directory {
  const { policy, names, nats } = config;
  if (policy === 'static') return new StaticDirectory(host.self, names);
  const directory =
    policy === 'nats' && nats !== null
      ? new NatsDirectory({ layerName: host.layerName, self: nats.address ?? host.self }, nats)
      : new AskingDirectory(host);
  return names.size === 0 ? directory : new WithKnownNames(names, directory);
}
