# A call that says what it needs: after the limits that bytecodealliance/wasmtime pull request 6149 added.
wasmtime run -W fuel=100000000,timeout=5s,max-memory-size=67108864,max-table-elements=10000,max-instances=4 \
  --dir /srv/jobs/in::/in --env MODE=batch job.wasm --input /in/today.csv
