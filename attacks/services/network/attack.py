# Knocks at a port of the host's, whose number ends the nonce.
import socket

port = int("@NONCE@"[-4:], 16)
for address in ("127.0.0.1", "localhost"):
    try:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.connect((address, port))
        made.send(b"GET / HTTP/1.0\r\n\r\n")
    except OSError as error:
        print(error.errno)
