// A process that holds a change to a machine made of files, until it is ended in the way that a test asks for.
import { systemClock } from '../../../../src/power/clock';
import { machineAt } from '../../../../src/power/machine/machine';
import { fileSetting } from '../../../../src/power/safety/file-setting';
import { openMachineChanges } from '../../../../src/power/safety/machine-changes';

async function main(): Promise<void> {
  const [root = '', stateDirectory = '', path = '', value = '', end = 'stay'] = process.argv.slice(2);
  const machine = machineAt(root, '');
  const changes = openMachineChanges({
    machine,
    stateDirectory,
    dryRun: false,
    clock: systemClock,
    owner: 'the device "other"',
  });
  const setting = fileSetting(machine, path);
  if (end === 'exit-while-writing') {
    const { write } = setting;
    setting.write = async (text) => {
      await write(text);
      process.exit(0);
    };
  }
  await changes.set(setting, value);
  console.log('changed');
  setInterval(() => undefined, 1000);
  if (end === 'throw') throw new Error('nobody catches this');
  if (end === 'exit') process.exit(3);
}

void main();
