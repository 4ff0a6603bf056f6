//! `vitrine-server`: a drop-in `redis-server`. Everything is in the library, so that tests can start servers in-process.

fn main() {
    std::process::exit(vitrine_server::run_command_line(std::env::args().collect()));
}
