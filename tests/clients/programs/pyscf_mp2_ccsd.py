"""PySCF: Hartree-Fock, MP2 and CCSD energies of hydrogen fluoride."""

import json

from pyscf import cc, gto, mp, scf

molecule = gto.M(atom="H 0 0 0; F 0 0 0.917", basis="6-31g", verbose=0)
field = scf.RHF(molecule).set(conv_tol=1e-12).run()
print(
    json.dumps(
        {
            "Hartree-Fock": float(field.e_tot),
            "MP2": float(mp.MP2(field).run().e_corr),
            "CCSD": float(cc.CCSD(field).set(conv_tol=1e-10, conv_tol_normt=1e-8).run().e_corr),
        }
    )
)
