import type { FuzzTarget } from './engine/target.ts';

/** Loaded one at a time: coverage counts only the code of the target's own imports. */
export const TARGETS: Readonly<Record<string, () => Promise<{ readonly target: FuzzTarget }>>> = {
  'frcp-pci': () => import('./targets/frcp-pci.ts'),
  'frcp-hostile': () => import('./targets/frcp-hostile.ts'),
  'frcp-pair': () => import('./targets/frcp-pair.ts'),
  'frcp-o7s': () => import('./targets/frcp-o7s.ts'),
  'fa-pdu': () => import('./targets/fa-pdu.ts'),
  'directory-pdu': () => import('./targets/directory-pdu.ts'),
  'flow-allocator': () => import('./targets/flow-allocator.ts'),
  'o7s-frame': () => import('./targets/o7s-frame.ts'),
  'udp-neighbours': () => import('./targets/udp-neighbours.ts'),
  'control-codec': () => import('./targets/control-codec.ts'),
  'control-stream': () => import('./targets/control-stream.ts'),
  'channel-stream': () => import('./targets/channel-stream.ts'),
  'channel-ring': () => import('./targets/channel-ring.ts'),
  'libdev-api': () => import('./targets/libdev-api.ts'),
  'irm-core': () => import('./targets/irm-core.ts'),
  'irm-config': () => import('./targets/irm-config.ts'),
  'irm-cli': () => import('./targets/irm-cli.ts'),
};

export async function loadTarget(name: string): Promise<FuzzTarget> {
  return (await TARGETS[name]!()).target;
}
