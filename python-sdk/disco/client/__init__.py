"""The client side: what the documents call disco.core, disco.job and disco.ddfs lies here."""
