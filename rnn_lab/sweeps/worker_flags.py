"""What all processes that run trials have in common."""

# Of XLA: one thread a device, as experiments/cli.py has it, also where a sweep
# was called from Python, so that all workers have the same bits.
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"
