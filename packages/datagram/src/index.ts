export * from './datagram.ts';
export { availableUdpKinds, openUdpSocket } from './open-udp-socket.ts';
