# A power whose square is taken again and again, without the limit that is there for its digits.
import sys

sys.set_int_max_str_digits(0)
number = 3 ** (1 << 20)
while True:
    len(str(number * number))
