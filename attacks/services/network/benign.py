# Computes with addresses, which needs no network.
import ipaddress

assert ipaddress.ip_address("127.0.0.1").is_loopback
print("@NONCE@"[::-1])
