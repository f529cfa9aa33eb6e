module discoproject.org/disco/examples

go 1.23.0

require discoproject.org/disco/sdk-go v0.0.0

require github.com/klauspost/compress v1.18.0 // indirect

replace discoproject.org/disco/sdk-go => ../sdk-go
