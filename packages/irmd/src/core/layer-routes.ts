import type { Failure } from './errands.ts';
import { sendErrand } from './errands.ts';
import { connect } from './matching.ts';
import type { IrmState } from './irm-state.ts';
import type { IpcpEntry } from './registry/ipcp.ts';
import type { Request } from './request.ts';
import { refuse, wait, waitInGrace } from './requests.ts';

/**
 * Sends a request to an IPCP that has the name, or asks IPCPs whether they know it. False when there is no layer
 * to ask and the request may wait for a local process instead; one that may not is refused here.
 */
export function askLayers(irm: IrmState, request: Request): boolean {
  const ipcps = candidates(irm, request.layer);
  if (ipcps.length === 0) {
    if (request.direct) return false;
    const unknown = request.layer !== null && !layerExists(irm, request.layer);
    refuse(irm, request, unknown ? 'FLOWRING_LAYER_UNKNOWN' : 'FLOWRING_UNREACHABLE_NAME', undefined, {
      name: request.nameText,
      layer: request.layer,
    });
    return true;
  }
  const home = ipcps.find((ipcp) => request.name?.registrations.has(ipcp) === true);
  if (home !== undefined) {
    takeLayer(irm, request, home);
    return true;
  }
  request.openQueries = ipcps.length;
  wait(irm, request, 'query', request.expiresUs);
  for (const ipcp of ipcps) {
    const query = { t: 'ipcp-query', name: request.nameText } as const;
    sendErrand(irm, ipcp, query, { type: 'query', request }, irm.settings.ipcpQueryMs);
  }
  return true;
}

/** An IPCP says whether it knows the name; the first that does gets the request. */
export function queryAnswered(
  irm: IrmState,
  request: Request,
  ipcp: IpcpEntry,
  known: boolean,
  failure?: Failure,
): void {
  if (request.phase !== 'query' || request.openQueries === 0 || request.flow.state !== 'waiting') return;
  request.openQueries -= 1;
  if (known && ipcp.state === 'operational') return takeLayer(irm, request, ipcp);
  if (failure !== undefined && failure.code !== 'FLOWRING_NAME_UNKNOWN') request.queryFailure ??= failure;
  if (request.openQueries > 0) return;
  if (request.direct) return waitInGrace(irm, request);
  const { queryFailure } = request;
  if (queryFailure !== null) return refuse(irm, request, queryFailure.code, queryFailure.message);
  const code = request.name === null ? 'FLOWRING_NAME_UNKNOWN' : 'FLOWRING_UNREACHABLE_NAME';
  refuse(irm, request, code, undefined, { name: request.nameText, layer: request.layer });
}

function takeLayer(irm: IrmState, request: Request, ipcp: IpcpEntry): void {
  request.name?.waiting.remove(request);
  request.openQueries = 0;
  request.flow.path = 'out';
  request.flow.layer = ipcp.layer;
  connect(irm, request, ipcp.process!);
}

/** Whether a layer may know names that this IRMd does not: all but those that end at this host. */
export function reachesOthers(irm: IrmState): boolean {
  for (const ipcp of irm.ipcps.values())
    if (ipcp.state === 'operational' && ipcp.type !== 'local') return true;
  return false;
}

function candidates(irm: IrmState, layer: string | null): readonly IpcpEntry[] {
  const found: IpcpEntry[] = [];
  for (const ipcp of irm.ipcps.values()) {
    if (ipcp.state === 'operational' && (layer === null || ipcp.layer === layer)) found.push(ipcp);
  }
  return found;
}

function layerExists(irm: IrmState, layer: string): boolean {
  for (const ipcp of irm.ipcps.values()) if (ipcp.layer === layer) return true;
  return false;
}
