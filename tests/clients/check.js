// SPDX-License-Identifier: MIT
// check.js - what the scripts share: run steps, and a verdict as exit code.
'use strict';

const DEADLINE_MS = 60000;

// Run the async functions one after the other; 0: all is well.
exports.run = async (steps) => {
	const timer = setTimeout(() => {
		console.error('deadline');
		process.exit(1);
	}, DEADLINE_MS);
	for (const step of steps) {
		try {
			await step();
			console.log(`ok ${step.name}`);
		} catch (error) {
			console.error(`not ok ${step.name}:`, error);
			process.exit(1);
		}
	}
	clearTimeout(timer);
	process.exit(0);
};
