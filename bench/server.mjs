// The serving end of one subject. Told by its parent's `start`, it tells its address back.
import { subjectModule } from './subjects.mjs';

process.once('message', async ({ module, options }) => {
  const { serve } = await subjectModule(module);
  process.send({ address: await serve(options) });
});
process.on('disconnect', () => process.exit(0));
