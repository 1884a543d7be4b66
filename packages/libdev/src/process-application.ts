import type { Application } from './application.ts';
import { createApplication } from './application.ts';
import { ProcessEnvironment } from './process-environment.ts';
import { Runtime } from './runtime.ts';

/** The process's one runtime. It connects on the first call and lets the process end when nothing waits. */
export const application: Application = createApplication(new Runtime(new ProcessEnvironment()));
