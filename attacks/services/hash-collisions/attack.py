# Every key has the hash 0.
import sys

while True:
    table = {}
    for number in range(1, 100_000):
        table[number * sys.hash_info.modulus] = number
