import type { Batch } from './errands.ts';
import { batchStep, sendErrand } from './errands.ts';
import type { IrmState } from './irm-state.ts';
import type { IpcpEntry, Requester } from './registry/ipcp.ts';
import type { NameEntry } from './registry/name.ts';

/** Registers a name with IPCPs; the requester hears when all have answered. */
export function registerWith(
  irm: IrmState,
  name: NameEntry,
  ipcps: readonly IpcpEntry[],
  requester: Requester | null,
  value: unknown,
): void {
  tellIpcps(irm, name, ipcps, 'ipcp-register', requester, value);
  for (const ipcp of ipcps) {
    ipcp.names.add(name);
    name.registrations.add(ipcp);
    irm.publish('name-registered', { name: name.text, ipcp: ipcp.name, layer: ipcp.layer });
  }
}

export function unregisterFrom(
  irm: IrmState,
  name: NameEntry,
  ipcps: readonly IpcpEntry[],
  requester: Requester | null,
  value: unknown,
): void {
  for (const ipcp of ipcps) {
    ipcp.names.delete(name);
    name.registrations.delete(ipcp);
    irm.publish('name-unregistered', { name: name.text, ipcp: ipcp.name, layer: ipcp.layer });
  }
  tellIpcps(irm, name, ipcps, 'ipcp-unregister', requester, value);
}

/** Takes a name that ends out of all layers. */
export function unregisterEverywhere(irm: IrmState, name: NameEntry): void {
  if (name.registrations.size > 0) unregisterFrom(irm, name, [...name.registrations], null, null);
}

/** An IPCP that would not register a name does not have it. */
export function registrationRefused(name: NameEntry | undefined, ipcp: IpcpEntry): void {
  if (name === undefined) return;
  ipcp.names.delete(name);
  name.registrations.delete(ipcp);
}

function tellIpcps(
  irm: IrmState,
  name: NameEntry,
  ipcps: readonly IpcpEntry[],
  t: 'ipcp-register' | 'ipcp-unregister',
  requester: Requester | null,
  value: unknown,
): void {
  const reachable = ipcps.filter((ipcp) => ipcp.state === 'operational');
  const batch: Batch = { requester, value, open: Math.max(1, reachable.length), error: null };
  for (const ipcp of reachable) {
    const registers = t === 'ipcp-register' ? name.text : null;
    sendErrand(
      irm,
      ipcp,
      { t, name: name.text },
      { type: 'batch', batch, registers },
      irm.settings.ipcpRequestMs,
    );
  }
  if (reachable.length === 0) batchStep(irm, batch, null);
}
