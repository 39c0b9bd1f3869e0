"""Starts local jobs of the workflow quickly: they are forked from one process that has imported what they need.

A smoke training computes for less than a second, and its imports take three. Therefore:

- `launch.start`: Snakemake's main process calls it before its first job. It listens on a socket in a private folder
  (0700), starts the server, and names the socket in the variable `ADVKD_JOBS` of the jobs' environment.
- `server`: a new process, `python -m advkd.jobs.server`. It imports what the coming jobs need (`preloaded`), forks
  once for each job, and tells each client how its job ended. It computes nothing but the calibration of random feature
  networks, starts no thread and does not touch CUDA.
- `client`: a script that imports next to nothing, `python -IS client.py SOCKET COMMAND …`. Each `shell:` line starts it
  in place of COMMAND. It passes the command, its environment, its standard streams, its folder and its umask to the
  server, forwards signals, and ends as the job ended.

What is promised:

- **The same job.** The child runs the module that COMMAND names as `python -m` would. Its environment, folder, streams,
  umask, signal handlers, title and random state are those of a new process. It holds no descriptor of the server, so no
  lock either. The server refuses a job whose environment differs from its own in more than `server.FREE`, because an
  import may have read any variable. So jobs of several threads (OMP_NUM_THREADS) are plain processes.
- **The same code.** Before each fork the server compares the files of all modules that it has loaded with what they
  were when it loaded them. After any change it refuses, and the job reads the new code.
- **A plain process wherever this does not work.** The client replaces itself by COMMAND if the server refuses, cannot
  be reached or dies. Jobs may be killed and started again (docs/reliability.md), so one that died with the server
  begins again. There is no server for dry runs, on clusters, in containers, for fewer than `launch.FEW` jobs, and on
  systems other than Linux: macOS's libraries do not survive a fork.
- **No orphan.** If the client is killed, the server kills its job and what that started. If Snakemake dies, the server
  kills all jobs and ends, and so do the clients. If the server dies, the kernel kills its jobs (PR_SET_PDEATHSIG).
- **Signals.** The server is in a session of its own and each job in a process group of its own, so that Ctrl-C on the
  terminal reaches a job once, through its client. The server ignores signals that would end it: some schedulers send
  SIGTERM to all processes of a job, and trainings must have time for a checkpoint.

A job's peak memory (`provenance.json`) counts the memory that it shares with the server, but of the libraries' files
only what it uses itself (docs/architecture.md).
"""
