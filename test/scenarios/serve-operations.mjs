/** Answers the calls of our parent (remote-program.mjs) with these operations, and ends with it. */
export function serveOperations(operations) {
  const all = { ping: () => 'pong', ...operations };
  // Our parent may be gone before it has heard the answer.
  const answer = (message) => process.send(message, () => undefined);
  process.on('message', async ({ call, op, args }) => {
    try {
      answer({ call, value: await all[op](...args) });
    } catch (error) {
      answer({ call, error: { message: error.message, code: error.code, details: error.details } });
    }
  });
  process.on('disconnect', () => process.exit(0));
}
