module ashlar.bench

go 1.19
