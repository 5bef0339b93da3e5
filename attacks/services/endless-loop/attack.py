# Loops for ever, and catches whatever might be thrown in to end it.
while True:
    try:
        while True:
            pass
    except BaseException:
        continue
