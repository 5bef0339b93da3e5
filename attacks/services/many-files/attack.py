# Makes empty files, and folders where files are denied.
import os

for number in range(250):
    try:
        open(f"/granted/file{number}", "w").close()
    except OSError:
        try:
            os.mkdir(f"/granted/folder{number}")
        except OSError as error:
            print(error.errno)
