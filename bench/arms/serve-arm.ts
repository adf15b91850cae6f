import type { Call, Reply } from './arm-process';

/** The arm's own side: `start` is called with the argument of `ArmProcess.start`; `close` is always offered. */
export type ArmStart = (argument: never) => Promise<{ methods: object; close: () => Promise<void> }>;

/** Serves the calls of the parent until it says `close`, or is gone. */
export function serveArm(start: ArmStart): void {
  let arm: Awaited<ReturnType<ArmStart>> | null = null;
  const carryOut = async ({ method, argument }: Call): Promise<unknown> => {
    if (method === 'start') {
      arm = await start(argument as never);
      return null;
    }
    if (arm === null) throw new Error(`${method} before start`);
    if (method === 'close') {
      await arm.close();
      return null;
    }
    const methods = arm.methods as Record<string, ((argument: unknown) => Promise<unknown>) | undefined>;
    const called = methods[method];
    if (called === undefined) throw new Error(`there is no ${method}`);
    return called(argument);
  };
  process.on('message', (message) => {
    const call = message as Call;
    const reply = (value: Reply) => process.send?.(value, () => call.method === 'close' && process.exit(0));
    carryOut(call).then(
      (value) => reply({ id: call.id, value }),
      (error: unknown) =>
        reply({ id: call.id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
}
