// Mocha's spec reporter, which also writes its counts to the file named by TEST_COUNTS: npm test adds them up.
const { writeFileSync } = require('node:fs');
const { reporters } = require('mocha');

module.exports = class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats;
      if (process.env.TEST_COUNTS) {
        writeFileSync(process.env.TEST_COUNTS, JSON.stringify({ passed: passes, failed: failures, skipped: pending }));
      }
    });
  }
};
