// Looks for the environment wherever there could be one.
console.log(process.env, process.argv, Object.getOwnPropertyNames(globalThis));
