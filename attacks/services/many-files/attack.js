// Makes empty files, and folders where files are denied.
const fs = require('fs');
for (let number = 0; number < 250; number += 1) {
  try {
    fs.writeFileSync(`/granted/file${number}`, '');
  } catch {
    try {
      fs.mkdirSync(`/granted/folder${number}`);
    } catch (error) {
      console.log(error.code);
    }
  }
}
