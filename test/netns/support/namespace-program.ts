import { serveOperations } from '../../scenarios/serve-operations.mjs';
import { NetworkNamespace } from './network-namespace.ts';

serveOperations({
  /** Resolves to the pid of what holds the namespace. */
  make: async (): Promise<number> => (await NetworkNamespace.make('orphan')).pid,
});
