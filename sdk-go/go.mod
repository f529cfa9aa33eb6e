module discoproject.org/disco/sdk-go

go 1.23.0

require github.com/klauspost/compress v1.18.0
