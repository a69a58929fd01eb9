//! Runs seeds.
use tautline_sim::{chart, check::determinism::run_twice, seeded::run};
fn main() {
    let a: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    if a.len() == 0 {
        #[cfg(feature = "mutations")]
        for m in tautline_protocol::mutation::Mutation::ALL {
            tautline_protocol::mutation::Mutation::switch(Some(m));
            let t = std::time::Instant::now();
            let found = (0..5000)
                .find_map(|seed| run(seed, false).wrong.first().cloned().map(|w| (seed, w)));
            println!("{m:?} {found:?} {:?}", t.elapsed());
        }
        return;
    }
    if a.len() == 1 {
        let report = run(a[0], true);
        print!("{}", chart::draw(&report, None));
        println!("{:#?} {:?}", report.wrong, report.counts);
        return;
    }
    let mut bad = 0;
    for seed in a[0]..a[1] {
        let report = run_twice(seed);
        if !report.wrong.is_empty() {
            bad += 1;
            if bad < 40 {
                println!("{seed}: {}", report.wrong[0]);
            }
        }
    }
    println!("{bad} bad");
}
