# An object that is only data.
import pickle

assert pickle.loads(pickle.dumps({"a": [1, 2]})) == {"a": [1, 2]}
print("@NONCE@"[::-1])
